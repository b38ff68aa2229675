"""What the plugin can do, a module for each ability: plain classes that get the session."""

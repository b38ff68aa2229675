"""Wire format and connection to the engine; standard library and pyzmq only."""

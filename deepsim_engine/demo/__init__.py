"""A picture, its drawing and an edit of the drawing: the main job in one go."""

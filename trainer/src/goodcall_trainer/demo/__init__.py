"""The main job in small: made-up tasks, a policy made on the spot, and a live service."""

"""What the controller knows of a cluster: objects that are listed and watched, and indexes."""

"""From one sound file to its clips, in a process of its own."""

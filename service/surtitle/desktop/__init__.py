"""The program that people install by downloading it: tray, start with the computer, updates, removal."""

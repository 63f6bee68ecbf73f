"""The protocols of other programs' clients, one file each, over the interface in `live_source`."""

"""What belongs to a gateway but lies in no file system of its image: raw disk regions, files beside it."""

"""ext2, ext3 and ext4 as they lie in an image."""

"""What paths mean: files, lists, tables, archives and arrays as a stream of images."""

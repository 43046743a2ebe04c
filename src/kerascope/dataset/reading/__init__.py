"""Reading: images of files, folders, lists, tables, archives and stores as one stream."""

"""What any process of ours needs to keep running. Imports no other package of vimesh."""

"""What flags and files say about the deployment. Connects to nothing."""

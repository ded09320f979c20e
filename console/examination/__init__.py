"""What the doctor looks at beside the sources: files, secrets, encryption and the installed packages."""

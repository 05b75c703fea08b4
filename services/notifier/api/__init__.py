"""What people reach over HTTP: the API and the pages behind an acknowledge link."""

# identity/

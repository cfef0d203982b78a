// SearchSpaces

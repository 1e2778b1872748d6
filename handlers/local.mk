# handlers/

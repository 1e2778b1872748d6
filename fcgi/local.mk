# fcgi/

# nginx/

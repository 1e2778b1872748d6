# deploy/

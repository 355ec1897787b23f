$env:OS_AUTH_URL = "https://cloud.example.com:5000/v3"
$env:OS_USERNAME = "demo"

# A profile to begin with; pganchor-profile(5) describes each key. "pganchor profile acme.profile" says what is wrong with it, and
# packaging/profile-template/build makes a package of it.
[profile]
name = acme
# Each change makes it greater.
version = 1
message = Questions: #databases

[anchor acme-ca]
source = https://ca.acme.example:9000
# step certificate fingerprint root_ca.crt
fingerprint = 0000000000000000000000000000000000000000000000000000000000000000
hosts = *.db.acme.example

[service orders]
host = orders.db.acme.example
dbname = orders
# The login name of whoever applies it.
user = %u
anchor = acme-ca
password = ask

[policy]
channel-binding = require

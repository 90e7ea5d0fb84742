module latchkey.test/clients

go 1.19

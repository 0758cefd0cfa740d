"""Browser sessions, remembered logins and known devices."""

"""The forms in which sensors report: Suricata's EVE JSON, RFC 5424 syslog and its framing on TCP."""

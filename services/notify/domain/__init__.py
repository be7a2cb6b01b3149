"""The rules of notify: letters and their register, notices, certificates. No I/O."""

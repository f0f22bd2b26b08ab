# Sends datagrams of many sizes to the echo at port 7 of IPv4 and IPv6 addresses; every one has to come back.
use strict;
use warnings;

# Words: address as 4 or 16 bytes in hexadecimal digits.
for my $digits (@ARGV) {
    my $address = pack('H*', $digits);
    my $is4 = length($address) == 4;
    socket(my $socket, $is4 ? 2 : 10, 2, 0) or die "socket: $!";
    my $peer = $is4 ? pack('S n a4 x8', 2, 7, $address) : pack('S n N a16 N', 10, 7, 0, $address, 0);
    connect($socket, $peer) or die "connect: $!";
    for my $size (1 .. 9, 100, 1_000, 1_300) {
        my $text = join '', map { chr(($_ * 7 + $size) % 256) } 1 .. $size;
        send($socket, $text, 0) or die "send: $!";
        vec(my $ready = '', fileno($socket), 1) = 1;
        select($ready, undef, undef, 5) > 0 or die "no answer to $size bytes";
        recv($socket, my $answer, 65536, 0);
        $answer eq $text or die "$size bytes came back differently";
    }
}
print "GUEST-ASKED\n";

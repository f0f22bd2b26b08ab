# The guest's programs, with nothing but perl's core: takes ESP out of UDP at port 4500 in the kernel, echoes UDP and
# TCP at port 7. A datagram `ask` makes it run /ask and come back if that succeeds; `report` makes it end.
use strict;
use warnings;

my ($inet, $inet6, $datagram, $stream, $udp, $ipv6) = (2, 10, 2, 1, 17, 41);
sub any4 { pack('S n a4 x8', $inet, $_[0], "\0" x 4) }
sub any6 { pack('S n N a16 N', $inet6, $_[0], 0, "\0" x 16, 0) }

# UDP_ENCAP (100) with UDP_ENCAP_ESPINUDP (2), linux/udp.h.
my @encapsulated;
for my $family ($inet, $inet6) {
    socket(my $socket, $family, $datagram, 0) or die "socket: $!";
    setsockopt($socket, $ipv6, 26, pack('i', 1)) if $family == $inet6;
    bind($socket, $family == $inet ? any4(4500) : any6(4500)) or die "bind: $!";
    setsockopt($socket, $udp, 100, pack('i', 2)) or die "UDP_ENCAP: $!";
    push @encapsulated, $socket;
}

socket(my $listener, $inet6, $stream, 0) or die "socket: $!";
setsockopt($listener, 1, 2, pack('i', 1));
bind($listener, any6(7)) or die "bind: $!";
listen($listener, 16) or die "listen: $!";
$SIG{CHLD} = 'IGNORE';
if (fork() == 0) {
    while (accept(my $connection, $listener)) {
        while (sysread($connection, my $text, 65536)) {
            for (my $done = 0; $done < length $text;) {
                $done += syswrite($connection, $text, length($text) - $done, $done) or exit 1;
            }
        }
        close $connection;
    }
    exit 0;
}
$SIG{CHLD} = 'DEFAULT';

socket(my $echo, $inet6, $datagram, 0) or die "socket: $!";
bind($echo, any6(7)) or die "bind: $!";
$| = 1;
print "GUEST-READY\n";
while (defined(my $peer = recv($echo, my $text, 65536, 0))) {
    last if $text eq 'report';
    next if $text eq 'ask' and system('sh', '-ex', '/ask') != 0;
    send($echo, $text, 0, $peer);
}

"""ESP of patchbay's wires by python3-cryptography alone: keys, ICV, decryption (RFC 4106, 4303, 4543)."""

import struct

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

LEVELS = {"auth": 1, "conf": 2}


class Association:
    """One sender queue's keys. Opening throws cryptography's InvalidTag when the ICV is wrong."""

    def __init__(self, level, spi, secret, queue):
        info = b"patchbay esp" + bytes([LEVELS[level], queue])
        self.key = HKDF(algorithm=hashes.SHA256(), length=20, salt=None, info=info).derive(secret)
        self.level, self.spi = level, spi
        self.cipher, self.salt = AESGCM(self.key[:16]), self.key[16:]

    def open(self, datagram, high=0):
        """The next header and the inner packet, without its trailer."""
        spi, low = struct.unpack("!LL", datagram[:8])
        assert spi == self.spi, f"SPI {spi:#x}"
        aad = struct.pack("!LLL", spi, high, low)
        iv, rest = datagram[8:16], datagram[16:]
        if self.level == "conf":
            body = self.cipher.decrypt(self.salt + iv, rest, aad)
        else:
            body, icv = rest[:-16], rest[-16:]
            self.cipher.decrypt(self.salt + iv, icv, aad + iv + body)
        padding, next_header = body[-2], body[-1]
        assert body[-2 - padding:-2] == bytes(range(1, padding + 1)), "padding"
        assert len(datagram) % 4 == 0, "alignment"
        return next_header, body[:-2 - padding]

    def seal(self, packet, next_header, sequence, iv):
        """A datagram with the low half of a 64-bit sequence number in it."""
        low = sequence & 0xFFFFFFFF
        aad = struct.pack("!LLL", self.spi, sequence >> 32, low)
        padding = -(len(packet) + 2) % 4
        body = packet + bytes(range(1, padding + 1)) + bytes([padding, next_header])
        if self.level == "conf":
            sealed = self.cipher.encrypt(self.salt + iv, body, aad)
        else:
            sealed = body + self.cipher.encrypt(self.salt + iv, b"", aad + iv + body)
        return struct.pack("!LL", self.spi, low) + iv + sealed


def associations(words):
    """The associations of `level:spi base:queues:secret` by SPI."""
    level, base, queues, secret = words.split(":")
    made = [Association(level, int(base) + q, bytes.fromhex(secret), q) for q in range(int(queues))]
    return {association.spi: association for association in made}

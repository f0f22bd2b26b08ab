#!/usr/bin/env python3
"""Writes aes-gcm-128.txt and aes-gmac-128.txt out of published vectors, those of 16-byte keys, 12-byte nonces and
16-byte tags only.

    make-aead-vectors.py WYCHEPROOF_FOLDER

Needs the package cryptography, by which every expectation is checked first.
"""
import json
import pathlib
import sys

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = pathlib.Path(__file__).parent
KEY4 = "feffe9928665731c6d6a8f9467308308"
TEXT4 = ("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"
         "b16aedf5aa0de657ba637b39")

# McGrew and Viega, The Galois/Counter Mode of Operation, appendix B: key, nonce, additional data, text, sealed, tag.
GCM = [
    ("00" * 16, "00" * 12, "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
    ("00" * 16, "00" * 12, "", "00" * 16, "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"),
    (KEY4, "cafebabefacedbaddecaf888", "", TEXT4 + "1aafd255",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
     "1ba30b396a0aac973d58e091473f5985", "4d5c2af327cd64a62cf35abd2ba6fab4"),
    (KEY4, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2", TEXT4,
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
     "1ba30b396a0aac973d58e091", "5bc94fbc3221a5db94fae95ae7121a47"),
]

# draft-mcgrew-gcm-test-01, which RFC 4106 and RFC 4543 are tested by: page, key, salt, vector, additional data, sealed,
# tag. The texts follow from them.
DRAFT = [
    (6, "4c80cdefbb5d10da906ac73c3613a634", "2e443b68", "4956ed7e3b244cfe", "000043218765432100000000",
     "fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff62"
     "47aeabb786b93bce61bc17d768fd9732", "459018148f6cbe722fd04796562dfdb4"),
    (7, KEY4, "cafebabe", "facedbaddecaf888", "0000a5f80000000a",
     "deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4"
     "ec3b9ba95d918bd1", "83b70d3aa8bc6ee4c309e9d85a41ad4a"),
    (9, "00" * 16, "00000000", "0000000000000000", "0000000000000001",
     "4688daf2f973a392732909c331d56d60f694abaa414b5e7ff5fdcdfff5e9a284456476492719ffb64de7d9dca1e1d894bc3bd57873ed4d18"
     "1d19d4d5c8c18af3", "f821d496eeb096e98ad2b69e4799c71d"),
    (10, "3de09874b388e6491988d0c3607eae1f", "57690e43", "4e280000a2fca1a3", "42f67e3f1010101010101010",
     "fba2caa4853cf9f0f22cb10d86dd83b0fec75691cf1a04b00d1138ec9c35791765acbd8701ad79845bf9fe3fba487bc91755e6662b4c8d0d"
     "1f5e22739530320a", "e0d731cc978ecafaeae88f00e80d6e48"),
    (11, "3de09874b388e6491988d0c3607eae1f", "57690e43", "4e280000a2fca1a3", "42f67e3f1010101010101010",
     "fba2ca845e5df9f0f22c3e6e86dd831e1fc65792cd1af9130e1379ed", "369f071f35e034be95f112e4e7d05d35"),
    (12, "abbccddef001122334455667788" "99aab", "decaf888", "cafedebaceface74", "000001000000000000000001",
     "18a6fd42f72cbf4ab2a2ea901f73d814e3e7f243d95412e1c349c1d2fbec168f9190feebaf2cb01984e65863965d7472b79da345e0e78019"
     "1f0d2f0e0f496c226f2127b27db35724e7845d68", "651f57e65f354f75ff17015769623436"),
    (14, "3de09874b388e6491988d0c3607eae1f", "57690e43", "4e280000a2fca1a3", "42f67e3f1010101010101010",
     "fba2cad12fc1f9f00d3cebf305410db83d7784b607323d220f24b0a97d54182800cadb0f68d99ef0e0c0c89ae9bea8884e52d65bc1afd074"
     "0f742444747b5b39ab533163aad4550ee5160975", "cdb608c5769189609763b8e18caa81e2"),
    (16, "7d773d00c144c525ac619d18c84a3f47", "d9664267", "43457e9182443bc6", "335467aeffffffff", "437f866b",
     "cb3f699fe9b0822bac961c4504bef270"),
    (16, "abbccddef00112233445566778899aab", "decaf888", "cafedebaceface74", "000001000000000000000001",
     "29c9fc69a197d038ccdd14e2ddfcaa0543332164", "412503524303ed3c6c5f283843af8c3e"),
    (19, "3de09874b388e6491988d0c3607eae1f", "57690e43", "4e280000a2fca1a3", "3f7ef6421010101010101010",
     "fba2caa8c6c5f9f0f22ca54a061210ad3f6e5791cf1aca210d117cec9c35791765acbd8701ad79845bf9fe3fba487bc963219306",
     "84eecadb56912546e7a95c9740d7cb05"),
    (20, "4c80cdefbb5d10da906ac73c3613a634", "22433c64", "4855ec7d3a234bfd", "000043218765432100000007",
     "74752e8aeb5d873cd7c0f4acc36c4bff84b7d7b98f0ca8b6acda6894bc619069", "ef9cbc28fe1b56a7c4e0d58c86cd2bc0"),
]

# Page 18 of the same, RFC 4543's case: header and vector, then the packet, all of it additional data.
GMAC = [
    (18, "4c80cdefbb5d10da906ac73c3613a634", "22433c64", "0000000000000000", "00004321000000070000000000000000",
     "45000030da3a00008001df3bc0a80005c0a800010800c6cd0200070061626364656667686" "96a6b6c6d6e6f707172737401020201",
     "f2a9a836e155106aa8dcd618e4099aaa"),
]

HEADER = """# {what}
# source <valid|invalid> key nonce additional text sealed; empty values are -; sealed ends with the tag.
# From: {sources}
# Written by make-aead-vectors.py, which checked each with another implementation.
"""


def line(source, valid, key, nonce, additional, text, sealed):
    fields = [key, nonce, additional, text, sealed]
    return " ".join([source, "valid" if valid else "invalid"] + [field or "-" for field in fields])


def opens(key, nonce, additional, sealed):
    try:
        return AESGCM(bytes.fromhex(key)).decrypt(
            bytes.fromhex(nonce), bytes.fromhex(sealed), bytes.fromhex(additional)).hex()
    except InvalidTag:
        return None


def groups(name):
    tests = json.loads((pathlib.Path(sys.argv[1]) / name).read_text())["testGroups"]
    return [g for g in tests if (g["keySize"], g["ivSize"], g["tagSize"]) == (128, 96, 128)]


gcm = []
for number, (key, nonce, additional, text, sealed, tag) in enumerate(GCM, 1):
    assert opens(key, nonce, additional, sealed + tag) == text, number
    gcm.append(line(f"gcm-spec/{number}", True, key, nonce, additional, text, sealed + tag))
for page, key, salt, vector, additional, sealed, tag in DRAFT:
    text = opens(key, salt + vector, additional, sealed + tag)
    assert text is not None, page
    gcm.append(line(f"gcm-test/page-{page}", True, key, salt + vector, additional, text, sealed + tag))
for group in groups("aes_gcm_test.json"):
    for test in group["tests"]:
        valid = test["result"] == "valid"
        sealed = test["ct"] + test["tag"]
        found = opens(test["key"], test["iv"], test["aad"], sealed)
        assert found == (test["msg"] if valid else None), test["tcId"]
        gcm.append(line(
            f"wycheproof/{test['tcId']}", valid, test["key"], test["iv"], test["aad"], test["msg"], sealed))

gmac = []
for page, key, salt, vector, additional, text, tag in GMAC:
    assert opens(key, salt + vector, additional + text, tag) == "", page
    gmac.append(line(f"gcm-test/page-{page}", True, key, salt + vector, additional, text, text + tag))
for group in groups("aes_gmac_test.json"):
    for test in group["tests"]:
        valid = test["result"] == "valid"
        found = opens(test["key"], test["iv"], test["msg"], test["tag"])
        assert (found == "") == valid, test["tcId"]
        text = test["msg"]
        gmac.append(line(f"wycheproof/{test['tcId']}", valid, test["key"], test["iv"], "", text, text + test["tag"]))

SOURCES = "{}draft-mcgrew-gcm-test-01, Project Wycheproof ({}, Apache-2.0)"
(HERE / "aes-gcm-128.txt").write_text(
    HEADER.format(
        what="AES-128-GCM (RFC 4106)", sources=SOURCES.format("McGrew and Viega's GCM specification, ", "aes_gcm_test.json"))
    + "\n".join(gcm) + "\n")
(HERE / "aes-gmac-128.txt").write_text(
    HEADER.format(what="AES-128-GMAC (RFC 4543)", sources=SOURCES.format("", "aes_gmac_test.json"))
    + "\n".join(gmac) + "\n")
print(len(gcm), len(gmac))

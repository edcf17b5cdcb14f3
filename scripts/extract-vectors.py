#!/usr/bin/env python3
"""Cuts what this library has a use for out of the package cryptography_vectors, as vectors/README.md tells.

    pip download --no-deps cryptography_vectors==50.0.2
    scripts/extract-vectors.py cryptography_vectors-50.0.2-py3-none-any.whl

Cases are copied as they stand, under the headings that they stood under. What is left out is said by RULES.
"""

import pathlib
import re
import sys
import zipfile

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors"


def blocks(text):
    """Blocks of lines between empty ones, remarks left out; a line in brackets is a block of its own."""
    block = []
    for line in [line.rstrip() for line in text.splitlines()] + [""]:
        if line.startswith("#"):
            continue
        if (not line or line.startswith("[")) and block:
            yield block
            block = []
        if line.startswith("["):
            yield [line]
        elif line:
            block.append(line)


def gcm(text):
    """IVs of 96 bits, tags of 128: the first four cases under each heading."""
    headings, kept, wanted = {}, [], False
    for block in blocks(text):
        if block[0].startswith("["):
            name, value = block[0].strip("[]").split(" = ")
            if name in headings and len(headings) == 5:
                headings = {}
            headings[name] = value
            wanted = headings.get("IVlen") == "96" and headings.get("Taglen") == "128"
            if wanted:
                kept.append("\n".join(f"[{name} = {value}]" for name, value in headings.items()))
        elif wanted and int(block[0].split(" = ")[1]) < 4:
            kept.append("\n".join(block))
    return kept


def ccm(text):
    """Nonces of 12 bytes, each case with the key that stood above it; all tags have 16 bytes."""
    kept, key, wanted = [], "", False
    for block in blocks(text):
        if block[0].startswith("["):
            wanted = block[0] == "[Nlen = 12]"
        elif block[0].startswith("Key"):
            key = block[0]
        elif wanted:
            kept.append("\n".join([block[0], key, *block[1:]]))
    return kept


def under(*titles):
    """All cases under these headings."""

    def keep(text):
        """All cases under the headings below."""
        kept, wanted = [], False
        for block in blocks(text):
            if block[0].startswith("["):
                wanted = block[0].strip("[]") in titles
            if wanted:
                kept.append("\n".join(block))
        return kept

    return keep


def rsa(text):
    """2048 bits, SHA-256, SHA-384 and SHA-512, without the private halves."""
    kept, wanted = [], False
    for block in blocks(text):
        if block[0].startswith("["):
            wanted = block[0] == "[mod = 2048]"
        if wanted and block[0].startswith(("p = ", "q = ")):
            continue
        if wanted and (len(block) == 1 or block[0] in ("SHAAlg = SHA256", "SHAAlg = SHA384", "SHAAlg = SHA512")):
            kept.append("\n".join(line for line in block if not re.match("d = |EM", line)))
    return kept


def whole(text):
    """All cases."""
    return ["\n".join(block) for block in blocks(text)]


def counted(text):
    """All cases: each begins with its number, and what is written apart is put together."""
    kept = []
    for block in blocks(text):
        if block[0].startswith("COUNT"):
            kept.append("")
        kept[-1] = "\n".join(filter(None, [kept[-1], *block]))
    return kept


RULES = [
    ("ciphers/AES/GCM/gcmDecrypt128.rsp", "gcmDecrypt128.rsp", gcm),
    ("ciphers/AES/GCM/gcmDecrypt256.rsp", "gcmDecrypt256.rsp", gcm),
    ("ciphers/AES/GCM/gcmEncryptExtIV128.rsp", "gcmEncryptExtIV128.rsp", gcm),
    ("ciphers/AES/GCM/gcmEncryptExtIV256.rsp", "gcmEncryptExtIV256.rsp", gcm),
    ("ciphers/AES/CCM/VNT128.rsp", "VNT128.rsp", ccm),
    ("ciphers/AES/CCM/VNT256.rsp", "VNT256.rsp", ccm),
    (
        "asymmetric/ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax",
        "KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax",
        under("EC - SHA256", "ED - SHA384"),
    ),
    ("asymmetric/ECDSA/FIPS_186-3/PKV.rsp", "PKV.rsp", under("P-256", "P-384")),
    (
        "asymmetric/ECDSA/FIPS_186-3/SigVer.rsp",
        "SigVer.rsp",
        under("P-256,SHA-256", "P-256,SHA-384", "P-384,SHA-256", "P-384,SHA-384"),
    ),
    ("asymmetric/RSA/FIPS_186-2/SigVer15_186-3.rsp", "SigVer15_186-3.rsp", rsa),
    ("HMAC/rfc-4231-sha256.txt", "../rfc/rfc4231-sha256.txt", whole),
    ("HMAC/rfc-4231-sha384.txt", "../rfc/rfc4231-sha384.txt", whole),
    ("KDF/rfc-5869-HKDF-SHA256.txt", "../rfc/rfc5869-sha256.txt", counted),
    ("asymmetric/X25519/rfc7748.txt", "../rfc/rfc7748-x25519.txt", whole),
]


def main():
    with zipfile.ZipFile(sys.argv[1]) as package:
        for source, target, keep in RULES:
            text = package.read(f"cryptography_vectors/{source}").decode()
            remark = f"# From {source} of cryptography_vectors 50.0.2; {keep.__doc__}"
            kept = keep(text)
            path = VECTORS / "nist" / target
            path.write_text("\n\n".join([remark.replace("\n", " "), *kept]) + "\n")
            print(f"{path.name}: {len(kept)} blocks, {path.stat().st_size} bytes")


main()

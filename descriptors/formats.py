"""Which pictures there are that descr doesn't read, told by how their files begin."""

import re
from pathlib import Path

_SIGNATURES = {
    "a GIF": rb"GIF8[79]a",
    "an AVIF": rb".{4}ftyp.{0,32}?avi[fs]",
    "a camera's raw file": rb".{4}ftypcrx |II\*\0.{4}CR|FUJIFILMCCD-RAW|II(RO|RS|U\0)|MMOR",
    "a HEIF (HEIC)": rb".{4}ftyp(hei|hev|mif1|msf1)",
    "a JPEG 2000": rb"\0\0\0\x0cjP  \r\n|\xff\x4f\xff\x51",
    "a JPEG XL": rb"\0\0\0\x0cJXL \r\n|\xff\x0a",
    "a Photoshop file": rb"8BPS\0[\x01\x02]",
    "a PDF": rb"%PDF-",
    "a PostScript file": rb"%!PS-Adobe|\xc5\xd0\xd3\xc6",
    "an SVG": rb"(\xef\xbb\xbf)?(?>\s|<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE svg[^>]*>)*+<svg[\s/>]",
    "an icon": rb"\0\0[\x01\x02]\0[^\0]\0|icns",
    "an OpenEXR": rb"v/1\x01",
    "a Radiance HDR": rb"#\?R(ADIANC|GB)E",
    "a PNM": rb"P[1-6]\s+(#[^\n]*\n\s*)*\d+\s+\d+\s|P7\nWIDTH",
    "a DDS": rb"DDS \x7c\0\0\0",
}


def unread_format(path: Path) -> str | None:
    """The kind of picture that a file holds, as in "a GIF", if descr doesn't read that kind."""
    with path.open("rb") as file:
        head = file.read(4096)
    return next((kind for kind, start in _SIGNATURES.items() if re.match(start, head, re.S)), None)

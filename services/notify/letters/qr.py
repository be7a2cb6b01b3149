"""QR codes: level Q, an opaque address and nothing of a person."""

import io


def qr_svg(address: str) -> str:
    """The code as SVG text, dark on white with the quiet zone."""
    import segno

    out = io.BytesIO()
    segno.make_qr(address, error="q").save(
        out, kind="svg", border=2, xmldecl=False, svgns=True, dark="#000000", light="#ffffff"
    )
    return out.getvalue().decode()

"""The one mail that intake sends itself: the sign-in code, which must not travel over Kafka."""

from services.intake.handlers.sign_in import IssuedCode
from shared.errors import Unavailable
from shared.mail import MailRefused
from shared.service import Resources
from shared.thai.dates import page_time


async def send_code(resources: Resources, email: str, issued: IssuedCode) -> None:
    """Send a code. A server that refuses the address for good is no news for who asks.

    Raises:
        Unavailable: no mail server answers.
    """
    subject, text = _words(issued, resources.settings.public_url)
    try:
        await resources.mailer.send(
            to=email, subject=subject, text=text, key=f"sign-in/{issued.code_id}", language=issued.language
        )
    except MailRefused:
        return
    except OSError as error:
        raise Unavailable(
            "ส่งอีเมลไม่ได้ในขณะนี้ โปรดลองใหม่อีกสักครู่",
            "The e-mail cannot be sent just now; please try again shortly.",
            retry_after=30,
        ) from error


def _words(issued: IssuedCode, origin: str) -> tuple[str, str]:
    spaced = f"{issued.code[:3]} {issued.code[3:]}"
    if issued.language == "en":
        return (
            f"{spaced} is your sign-in code",
            f"Your code to sign in at {origin} is\n\n    {spaced}\n\n"
            f"It works once, until {page_time(issued.expires_at, 'en')} (Bangkok). "
            "Nobody from the organiser will ever ask you for it.\n"
            "If you did not ask for a code, ignore this e-mail.\n",
        )
    return (
        f"รหัสเข้าสู่ระบบของคุณคือ {spaced}",
        f"รหัสเข้าสู่ระบบ {origin} คือ\n\n    {spaced}\n\n"
        f"ใช้ได้ครั้งเดียว ถึงเวลา {page_time(issued.expires_at, 'th')} เจ้าหน้าที่จะไม่ขอรหัสนี้จากคุณ\n"
        "หากคุณไม่ได้ขอรหัส ไม่ต้องทำอะไร\n",
    )

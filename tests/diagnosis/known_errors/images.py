"""Images that cannot be read, or do not fit their text: how such errors read, and what only looks like them."""

from __future__ import annotations

from diagnosed import Case, raised

CASES: dict[str, Case] = {
    "image-not-read": Case(
        hits=(
            raised(
                "cv2.error",
                (
                    "OpenCV(4.8.0) /io/opencv/modules/imgproc/src/color.cpp:182: error: (-215:Assertion failed) "
                    "!_src.empty() in function 'cvtColor'\n"
                ),
            ),
            raised(
                "cv2.error",
                (
                    "OpenCV(4.5.4) :-1: error: (-5:Bad argument) in function 'resize'\n> Overload resolution "
                    "failed:\n>  - src is not a numpy array, neither a scalar"
                ),
            ),
        ),
        misses=(
            raised(
                "cv2.error",
                (
                    "an earlier attempt said: OpenCV(4.8.0) /io/opencv/modules/imgproc/src/color.cpp:182: error: "
                    "(-215:Assertion failed) !_src.empty() in function 'cvtColor' "
                ),
            ),
            raised(
                "KeyError",
                (
                    "OpenCV(4.8.0) /io/opencv/modules/imgproc/src/color.cpp:182: error: (-215:Assertion failed) "
                    "!_src.empty() in function 'cvtColor'\n"
                ),
            ),
        ),
    ),
    "image-tokens-cut": Case(
        hits=(
            raised("ValueError", "Image features and image tokens do not match: tokens: 1024, features 1152"),
            raised(
                "ValueError",
                (
                    "Mismatch in `image` token count between text and `input_ids`. Got ids=[1500] and "
                    "text=[2304]. Likely due to `truncation='max_length'`."
                ),
            ),
        ),
        misses=(
            raised(
                "ValueError",
                "an earlier attempt said: Image features and image tokens do not match: tokens: 1024, features 1152",
            ),
            raised("KeyError", "Image features and image tokens do not match: tokens: 1024, features 1152"),
        ),
    ),
}

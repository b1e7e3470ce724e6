"""Images that cannot be read, or do not fit their text."""

from __future__ import annotations

from twinkle_notifier.diagnosis.rule import Advice, Rule

RULES: tuple[Rule, ...] = (
    Rule(
        "image-not-read",
        Advice(
            "OpenCV got an empty image: imread() returned None, as the path is wrong or the file is damaged",
            (
                "check each result: if image is None, raise with the path; os.path.exists(path) and its size",
                "a path with non-ASCII letters on Windows: cv2.imdecode(np.fromfile(path, np.uint8), 1)",
            ),
        ),
        Advice(
            "OpenCV 收到空图像：imread() 返回 None，路径不对或文件损坏",
            (
                "检查返回值：image 为 None 时抛出并打印路径；看 os.path.exists(path) 和文件大小",
                "Windows 上含中文的路径：cv2.imdecode(np.fromfile(path, np.uint8), 1)",
            ),
        ),
        "https://docs.opencv.org/4.x/d4/da8/group__imgcodecs.html",
        says=(
            "OpenCV({}) {}: error: (-215:Assertion failed) !_src.empty() in function '",
            "OpenCV({}) {}: error: (-215:Assertion failed) !ssize.empty() in function '",
            ">  - src is not a numpy array, neither a scalar",
            "> - src is not a numpy array, neither a scalar",
            ">  - img is not a numpy array, neither a scalar",
        ),
        types=("error",),
    ),
    Rule(
        "image-tokens-cut",
        Advice(
            (
                "the text has another number of image tokens than the images have features: truncation cut "
                "some, or versions differ"
            ),
            (
                "raise max_length or set it to None, so that no image token is cut; or lower max_pixels",
                "use the processor of this transformers for both, and one image token for each image",
            ),
        ),
        Advice(
            "文本中的图像 token 数与图像特征数不同：被截断，或版本不一致",
            (
                "调大 max_length 或设为 None，避免切掉图像 token；或调小 max_pixels",
                "图文都用当前 transformers 的 processor，每张图一个图像 token",
            ),
        ),
        "https://github.com/huggingface/transformers/issues/36002",
        says=(
            "Image features and image tokens do not match",
            "Video features and video tokens do not match",
            "Audio features and audio tokens do not match",
            "Mismatch in `{:word}` token count between text and `input_ids`.",
        ),
        types=("ValueError",),
    ),
)

"""The class names of a folder of YOLO labels."""

from __future__ import annotations

from pathlib import Path

NAME_FILES = ('data.yaml', 'data.yml', 'classes.txt')


def read_yolo_names(root: Path) -> list[str] | None:
    """Read the class names from the first of `NAME_FILES` that is in a folder or in the two above it.

    Args:
        root: folder of the label files.

    Returns:
        Names, place = class number; None where there is no such file.

    Raises:
        ValueError: the file holds no names, or is YAML and there is nothing here to read that with.
    """
    folders = [root, *root.absolute().parents[:2]]
    found = (folder / file for folder in folders for file in NAME_FILES if (folder / file).is_file())
    path = next(found, None)
    if path is None:
        return None
    try:
        text = path.read_text(encoding='utf-8-sig')
    except UnicodeDecodeError:
        raise ValueError(f'{path} is not UTF-8; expected the class names') from None
    if path.suffix == '.txt':
        return [line.strip() for line in text.splitlines() if line.strip()]
    return _names_of_yaml(text, path)


def _names_of_yaml(text: str, path: Path) -> list[str]:
    try:
        import yaml
    except ImportError:
        raise ValueError(
            f'{path}: reading it needs PyYAML; pip install pyyaml, or write the class names to classes.txt, one a line'
        ) from None
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f'{path} is no YAML: {" ".join(str(error).split())}') from None
    names = data.get('names') if isinstance(data, dict) else None
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[number] for number in range(len(names))]
    if not isinstance(names, list) or not names:
        raise ValueError(f'{path} has names: {names!r:.60}; expected class names, a list or one for each of 0, 1, ...')
    return [str(each) for each in names]

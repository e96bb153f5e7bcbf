"""A headless Chromium, driven over a pipe by the DevTools protocol: pages are typed into, clicked and looked at."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

_NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
_PATIENCE = 30
_KEYS = {'Enter': ('Enter', 13, '\r'), 'Tab': ('Tab', 9, ''), 'Escape': ('Escape', 27, '')}


class Browser:
    """One tab.

    Args:
        program: the executable.
        profile: a new folder for its files.
    """

    def __init__(self, program: str, profile: Path) -> None:
        own, theirs = os.pipe(), os.pipe()

        def pass_pipes() -> None:  # the browser reads commands from 3 and answers on 4
            ends = (os.dup(own[0]), os.dup(theirs[1]))
            for wanted, end in zip((3, 4), ends, strict=True):
                os.dup2(end, wanted)

        self.process = subprocess.Popen(
            [
                program, '--headless', '--remote-debugging-pipe', f'--user-data-dir={profile}', '--no-sandbox',
                '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--disable-background-networking',
            ],
            preexec_fn=pass_pipes, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(own[0])
        os.close(theirs[1])
        self.commands, self.answers = own[1], theirs[0]
        self.count, self.tab, self.unread = 0, '', b''
        self.events: list[dict[str, Any]] = []
        target = self.call('Target.createTarget', url='about:blank')['targetId']
        self.tab = self.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in ('Page', 'Network', 'Log', 'Runtime'):
            self.call(f'{domain}.enable')
        self.resize(1100, 900)

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command and return its result; events on the way are kept."""
        self.count += 1
        message = {'id': self.count, 'method': method, 'params': parameters}
        message |= {'sessionId': self.tab} if self.tab else {}
        os.write(self.commands, json.dumps(message).encode() + b'\0')
        while (answer := self._read()).get('id') != self.count:
            self.events.append(answer)
        assert 'error' not in answer, (method, answer['error'])
        return answer['result']

    def _read(self) -> dict[str, Any]:
        while b'\0' not in self.unread:
            ready, _, _ = select.select([self.answers], [], [], _PATIENCE)
            assert ready, f'the browser has been silent for {_PATIENCE} s'
            data = os.read(self.answers, 1 << 16)
            assert data, 'the browser is gone'
            self.unread += data
        message, _, self.unread = self.unread.partition(b'\0')
        return json.loads(message)

    def open(self, path: Path) -> None:
        """Show a file; `events` starts anew."""
        self.events.clear()
        self.call('Page.navigate', url=path.as_uri())
        wanted, seen = ['Page.frameNavigated', 'Page.loadEventFired'], 0
        while wanted:
            if seen == len(self.events):
                self.events.append(self._read())
            if self.events[seen]['method'] == wanted[0]:
                wanted.pop(0)
            seen += 1

    def run(self, script: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.call('Runtime.evaluate', expression=script, returnByValue=True, awaitPromise=True)
        assert 'exceptionDetails' not in answer, answer['exceptionDetails']
        return answer['result'].get('value')

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the visible elements that a CSS selector finds."""
        return self.run(
            f'[...document.querySelectorAll({json.dumps(selector)})].filter(e => e.checkVisibility())'
            '.map(e => e.textContent)'
        )

    def hover(self, selector: str) -> dict[str, float]:
        """Scroll the first element that a CSS selector finds into view, move the pointer on it, return the place."""
        place = self.run(
            f'(() => {{ const e = document.querySelector({json.dumps(selector)}); '
            "e.scrollIntoView({block: 'center', behavior: 'instant'}); const b = e.getBoundingClientRect(); "
            'return {x: b.left + b.width / 2, y: b.top + b.height / 2}; })()'
        )
        # a picture needs a frame, after which the events of scrolling are over; scripts may be off
        self.call('Page.captureScreenshot', clip={'x': 0, 'y': 0, 'width': 1, 'height': 1, 'scale': 1})
        self.call('Input.dispatchMouseEvent', type='mouseMoved', **place)
        return place

    def click(self, selector: str) -> None:
        """Press and release the pointer on an element."""
        place = self.hover(selector)
        for kind in ('mousePressed', 'mouseReleased'):
            self.call('Input.dispatchMouseEvent', type=kind, button='left', clickCount=1, **place)

    def write(self, text: str) -> None:
        """Type into what has the focus."""
        for character in text:
            self.call('Input.dispatchKeyEvent', type='keyDown', text=character)
            self.call('Input.dispatchKeyEvent', type='keyUp')

    def press(self, key: str) -> None:
        """Press 'Enter', 'Tab' or 'Escape'."""
        name, code, text = _KEYS[key]
        self.call('Input.dispatchKeyEvent', type='keyDown', key=name, windowsVirtualKeyCode=code, text=text)
        self.call('Input.dispatchKeyEvent', type='keyUp', key=name, windowsVirtualKeyCode=code)

    def resize(self, width: int, height: int) -> None:
        """Set the size of the page in CSS pixels."""
        size = {'width': width, 'height': height, 'deviceScaleFactor': 1, 'mobile': False}
        self.call('Emulation.setDeviceMetricsOverride', **size)

    def prefer(self, scheme: str) -> None:
        """Ask for the 'light' or the 'dark' look, as a system does."""
        self.call('Emulation.setEmulatedMedia', features=[{'name': 'prefers-color-scheme', 'value': scheme}])

    def allow_scripts(self, allowed: bool) -> None:
        """Switch the scripts of pages on or off."""
        self.call('Emulation.setScriptExecutionDisabled', value=not allowed)

    def picture(self, path: Path) -> None:
        """Write what is in view as PNG."""
        path.write_bytes(base64.b64decode(self.call('Page.captureScreenshot')['data']))

    def close(self) -> None:
        """End the program."""
        self.call('Browser.close')
        self.process.wait(10)
        os.close(self.commands)
        os.close(self.answers)


@pytest.fixture(scope='session')
def chromium(tmp_path_factory):
    """A browser for all tests of a process; its state is set anew for each by `browser`."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.skip(f'no browser here; install one of {", ".join(_NAMES)} (apt-get install chromium)')
    browser = Browser(program, tmp_path_factory.mktemp('chromium'))
    yield browser
    browser.close()


@pytest.fixture
def browser(chromium):
    """A tab in the light look, with scripts."""
    chromium.resize(1100, 900)
    chromium.prefer('light')
    chromium.allow_scripts(True)
    return chromium

"""Runs the tests and counts: the last line is "browser: N passed, N failed"."""

import sys
import time
import unittest


class Line(unittest.TextTestResult):
    """A line for each test, with its time."""

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def addError(self, test, err):
        super().addError(test, err)
        self.look(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.look(test)

    def look(self, test):
        """What the pages were like when a test failed."""
        browser = getattr(test, "browser", None)
        if browser:
            browser.look(test.id().rsplit(".", 1)[-1])

    def stopTest(self, test):
        super().stopTest(test)
        self.stream.write(f"    {time.monotonic() - self.begun:.1f} s\n")


class Runner(unittest.TextTestRunner):
    resultclass = Line


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.discover(".", pattern="test_*.py")
    if len(sys.argv) > 1:
        unittest.defaultTestLoader.testNamePatterns = [f"*{name}*" for name in sys.argv[1:]]
        suite = unittest.defaultTestLoader.discover(".", pattern="test_*.py")
    result = Runner(verbosity=2, stream=sys.stdout).run(suite)
    # A test that is skipped has failed: nothing here may be left out.
    failed = len(result.failures) + len(result.errors) + len(result.skipped) + len(result.unexpectedSuccesses)
    passed = max(result.testsRun - failed, 0)
    if passed == 0:
        failed = max(failed, 1)
    print(f"browser: {passed} passed, {failed} failed")
    sys.exit(0 if failed == 0 else 1)

#!/usr/bin/python3
"""parse_python.py VERSION FILE: reads the stream with python-subunit, events going nowhere; prints the CPU seconds."""
import io
import sys
import time

import subunit
import testtools


def main():
    version, path = int(sys.argv[1]), sys.argv[2]
    with open(path, 'rb') as f:
        data = f.read()
    result = testtools.StreamResult()
    if version == 2:
        case = subunit.ByteStreamToStreamResult(io.BytesIO(data))
    else:
        # What subunit-1to2 does, less the writing.
        case = subunit.ProtocolTestCase(io.BytesIO(data), passthrough=io.BytesIO())
        result = testtools.ExtendedToStreamDecorator(result)
    start = time.process_time()
    result.startTestRun()
    case.run(result)
    result.stopTestRun()
    print(time.process_time() - start)


main()

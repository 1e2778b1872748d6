"""What tests/run does once the packages are there: builds, runs, counts."""
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

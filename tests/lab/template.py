"""Folders that are slow to make are made once and copied: two runs at once make one of them."""
import fcntl
import os
import shutil


def get(cache, name, make):
    """The folder CACHE/NAME, made by make(folder) if it is not there. make() works on a folder beside it that is
    renamed when whole, so that a killed run leaves nothing half made."""
    final = os.path.join(cache, name)
    os.makedirs(cache, exist_ok=True)
    with open(os.path.join(cache, name + '.lock'), 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(final):
            part = final + '.part'
            shutil.rmtree(part, ignore_errors=True)
            os.mkdir(part, 0o755)
            make(part)
            os.rename(part, final)
    return final

"""Two hosts on one machine, each with its own name, address, /dev/shm and process table, so that
one can lose its power and its cable can be pulled. The file system is common to both, as on a
cluster. Needs root; everything ends with the `with` block, or with this process."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).with_name("host.sh")
NAMESPACES = ["--mount", "--uts", "--ipc", "--net", "--pid"]
NETWORK = "10.78.0"
ADDRESSES = {"hosta": f"{NETWORK}.1", "hostb": f"{NETWORK}.2"}
FIRST, SECOND = ADDRESSES
SWITCH = "switch"  # where their cables meet: so that a host keeps its own when the other dies


def why_not():
    """Empty where this machine lets us make hosts."""
    if os.geteuid() != 0:
        return "only root may make the namespaces of a host"
    for program in ("unshare", "nsenter", "setpriv", "ip", "mpirun"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    done = subprocess.run(["unshare", *NAMESPACES, "--fork", "--mount-proc", "ip", "link", "add",
                           "a0", "type", "veth", "peer", "name", "b0"], capture_output=True)
    return "namespaces are not permitted" if done.returncode else ""


class Hosts:
    """Both hosts, each with a cable to one switch. `folder` takes what they share: addresses,
    orders, logs."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.environment = dict(
            os.environ, NO_COLOR="1", TEST_HOSTS=str(self.folder), TMPDIR="/dev/shm",
            OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1",
            OMPI_MCA_plm_rsh_agent=f"{SCRIPT} tell",
            OMPI_MCA_btl_tcp_if_include=f"{NETWORK}.0/24",
            OMPI_MCA_oob_tcp_if_include=f"{NETWORK}.0/24",
            OMPI_MCA_mpi_yield_when_idle="1")  # both hosts share the cores of this machine
        self._keepers = {}  # the process whose death ends the host
        self._inits = {}  # the host's first process
        self._started = []

    def __enter__(self):
        names = "".join(f"{address} {name}\n" for name, address in ADDRESSES.items())
        (self.folder / "hosts").write_text(f"127.0.0.1 localhost\n{names}")
        try:
            self._boot(SWITCH)
            self.do(SWITCH, "ip", "link", "add", "bridge", "up", "type", "bridge")
            for name in ADDRESSES:
                self._boot(name)
                self._plug_in(name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for name in list(self._keepers):
            self.kill(name)
        for process in self._started:
            process.wait()

    def _boot(self, name):
        orders = self.folder / f"{name}.orders"
        if not orders.exists():
            os.mkfifo(orders)
        keeper = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES, "--fork", "--kill-child",
             "--mount-proc", str(SCRIPT), "be", name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=self.environment)
        self._keepers[name] = keeper
        assert keeper.stdout.readline() == "up\n", f"{name} did not come up"
        children = Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text()
        self._inits[name] = int(children)

    def _plug_in(self, name):
        self.do(SWITCH, "ip", "link", "add", name, "master", "bridge", "up", "type", "veth",
                "peer", "name", "eth0", "netns", str(self._inits[name]), spaces=["--net"])
        self.do(name, "ip", "address", "add", f"{ADDRESSES[name]}/24", "dev", "eth0")
        self.do(name, "ip", "link", "set", "eth0", "up")

    def _enter(self, name, spaces=None):
        return ["nsenter", f"--target={self._inits[name]}", *(spaces or NAMESPACES), "--"]

    def do(self, name, *command, spaces=None):
        """Runs a short command on the host; it must succeed."""
        subprocess.run([*self._enter(name, spaces), *map(str, command)], check=True)

    def start(self, name, command, log, **variables):
        """A program on the host, its output in the file `log`; it dies with the host."""
        with open(log, "w") as output:
            process = subprocess.Popen([*self._enter(name), *map(str, command)],
                                       stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                       env={**self.environment, **variables})
        self._started.append(process)
        return process

    def kill(self, name):
        """Every process of the host is gone when this returns; their connections are closed."""
        keeper = self._keepers.pop(name)
        if name in self._inits:
            os.kill(self._inits.pop(name), signal.SIGKILL)
        keeper.kill()
        keeper.wait()
        keeper.stdout.close()

    def cut_power(self, name):
        """The same, but the other host hears nothing of it, not even that connections close."""
        self.cut_cable(name)
        self.kill(name)

    def cut_cable(self, name):
        self.do(SWITCH, "ip", "link", "set", name, "down")

    def mend_cable(self, name):
        self.do(SWITCH, "ip", "link", "set", name, "up")

    def unplug(self, name):
        """The host has no interface any more."""
        self.do(SWITCH, "ip", "link", "delete", name)

    def connected(self, name):
        """Whether a process of the host has a connection to another host in its hands."""
        lines = Path(f"/proc/{self._inits[name]}/net/tcp").read_text().splitlines()[1:]
        own = "".join(f"{int(byte):02X}" for byte in reversed(ADDRESSES[name].split(".")))
        open_or_half_open = ("01", "08")  # ESTABLISHED, CLOSE_WAIT
        return any(line.split()[1].startswith(own) and line.split()[3] in open_or_half_open
                   for line in lines)

    def repair(self, name):
        """The host and its cable as at the beginning; what still runs on it goes on."""
        if name in self._inits:
            return self.mend_cable(name)
        # The kernel may keep a dead host's end of the cable until its last connection timed out.
        subprocess.run([*self._enter(SWITCH), "ip", "link", "delete", name], capture_output=True)
        self._boot(name)
        self._plug_in(name)

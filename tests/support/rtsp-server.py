"""An RTSP server for tests: GStreamer's, on loopback.

Reads one line of JSON: {"mounts": {PATH: PIPELINE}, "users": {NAME: PASSWORD} | null, "digest": bool,
"certificate": PEM | null, "protocols": "tcp" | "udp" | "both"}. Says its port in a line, and ends when its input does.
"""

import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

TRANSPORTS = {
    "tcp": GstRtsp.RTSPLowerTrans.TCP,
    "udp": GstRtsp.RTSPLowerTrans.UDP,
    "both": GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP,
}


def main():
    asked = json.loads(sys.stdin.readline())
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service("0")
    users = asked["users"]
    if users is not None or asked["certificate"] is not None:
        auth = GstRtspServer.RTSPAuth()
        if asked["certificate"] is not None:
            auth.set_tls_certificate(Gio.TlsCertificate.new_from_pem(asked["certificate"], -1))
        if users is not None:
            auth.set_supported_methods(
                GstRtsp.RTSPAuthMethod.DIGEST if asked["digest"] else GstRtsp.RTSPAuthMethod.BASIC
            )
            for name, password in users.items():
                token = GstRtspServer.RTSPToken()
                token.set_string("media.factory.role", "user")
                if asked["digest"]:
                    auth.add_digest(name, password, token)
                else:
                    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(name, password), token)
        server.set_auth(auth)
    mounts = server.get_mount_points()
    for path, pipeline in asked["mounts"].items():
        factory = GstRtspServer.RTSPMediaFactory()
        factory.set_launch(pipeline)
        factory.set_protocols(TRANSPORTS[asked["protocols"]])
        if users is not None:
            permissions = GstRtspServer.RTSPPermissions()
            permissions.add_permission_for_role("user", "media.factory.access", True)
            permissions.add_permission_for_role("user", "media.factory.construct", True)
            factory.set_permissions(permissions)
        mounts.add_factory(path, factory)
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    loop = GLib.MainLoop()

    def wait():
        sys.stdin.read()
        GLib.idle_add(loop.quit)

    threading.Thread(target=wait, daemon=True).start()
    loop.run()


main()

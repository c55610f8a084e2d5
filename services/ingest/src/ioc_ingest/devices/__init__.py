"""The MQTT door: who may log in (auth callout), what devices sent (durable intake), what the server refused of it.

The order of opening matters: `MqttIntake.prepare`, then `AuthCallout.start`. A device that is admitted before the
durable consumer stands gets its publishes acknowledged, and lost.
"""

from ioc_ingest.devices.admission import Admit, DeviceRecord, LoginRequest, Refusal, Refuse, decide, hash_secret
from ioc_ingest.devices.callout import AuthCallout
from ioc_ingest.devices.incidents import Incident, IncidentCounter, IncidentKind
from ioc_ingest.devices.mqtt_intake import DEVICE_MESSAGE_BYTES, Batch, DeviceMessage, MqttIntake, MqttLogin
from ioc_ingest.devices.ports import DeviceDirectory, IncidentSink
from ioc_ingest.devices.qos0 import Qos0Watch
from ioc_ingest.devices.server_log import ServerLogWatch
from ioc_ingest.devices.system_account import DeviceConnections

__all__ = [
    "DEVICE_MESSAGE_BYTES",
    "Admit",
    "AuthCallout",
    "Batch",
    "DeviceConnections",
    "DeviceDirectory",
    "DeviceMessage",
    "DeviceRecord",
    "Incident",
    "IncidentCounter",
    "IncidentKind",
    "IncidentSink",
    "LoginRequest",
    "MqttIntake",
    "MqttLogin",
    "Qos0Watch",
    "Refusal",
    "Refuse",
    "ServerLogWatch",
    "decide",
    "hash_secret",
]

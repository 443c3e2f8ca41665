/** Where one cluster is. */
export interface Place {
  readonly folder: string;
  readonly clusterId: string;
  readonly monitorPort: number;
  readonly gatewayPort: number;
}

/** More than the tests ever store at the same time: it is kept in memory. */
const STORE_BYTES = 4 * 1024 ** 3;

/**
 * The configuration of a cluster that is one of everything, listens on this machine alone, and writes into its own folder alone. There is
 * nobody to keep out, so nobody signs in (`auth_*`); without the modes named here the gateway would insist on it, for ever. One store
 * cannot have copies on others (`pool_size`, `chooseleaf`), and the time that monitors take to agree is time that nobody needs.
 */
export function cephConfig({ folder, clusterId, monitorPort, gatewayPort }: Place): string {
  return `[global]
fsid = ${clusterId}
mon initial members = a
mon host = v2:127.0.0.1:${monitorPort}
public network = 127.0.0.1/32
ms bind ipv6 = false
ms bind retry count = 1
ms bind retry delay = 1
auth cluster required = none
auth service required = none
auth client required = none
ms client mode = crc
ms mon client mode = crc secure
run dir = ${folder}
admin socket = ${folder}/$name.socket
log file = ${folder}/$name.log
mon cluster log to file = false
crash dir = ${folder}
pid file =
paxos propose interval = 0.05
paxos min wait = 0.01
mon allow pool size one = true
mon max pg per osd = 1000
mon data = ${folder}/monitor
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd class load list = *
osd class default list = *
osd objectstore = memstore
osd data = ${folder}/store
memstore device bytes = ${STORE_BYTES}
rgw data = ${folder}/gateway
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort}
rgw enable gc threads = false
rgw enable lc threads = false
`;
}

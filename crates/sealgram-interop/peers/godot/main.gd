# A peer made of Godot's DTLS classes, in either role. It says in lines what becomes of an association, sends back what
# it receives, and closes at the record "goodbye". What it is comes in its environment; it ends by itself.
extends Node

# How long all of it may take.
const PATIENCE_MS = 20000

const STATUS_NAMES = {
	PacketPeerDTLS.STATUS_DISCONNECTED: "disconnected",
	PacketPeerDTLS.STATUS_HANDSHAKING: "handshaking",
	PacketPeerDTLS.STATUS_CONNECTED: "connected",
	PacketPeerDTLS.STATUS_ERROR: "error",
	# Whatever went wrong, if it did so at once.
	PacketPeerDTLS.STATUS_ERROR_HOSTNAME_MISMATCH: "error",
}

var server = UDPServer.new()
var dtls_server = DTLSServer.new()
var peer = null
var last_status = PacketPeerDTLS.STATUS_DISCONNECTED


func _ready():
	var port = int(OS.get_environment("PEER_PORT"))
	var problem = listen(port) if OS.get_environment("PEER_ROLE") == "server" else connect_to(port)
	if problem != OK:
		print("failed: ", problem)
		get_tree().quit(1)


func listen(port):
	var key = CryptoKey.new()
	var certificate = X509Certificate.new()
	var problem = key.load(OS.get_environment("PEER_KEY"))
	if problem == OK:
		problem = certificate.load(OS.get_environment("PEER_CERTIFICATE"))
	if problem == OK:
		problem = dtls_server.setup(key, certificate)
	if problem == OK:
		problem = server.listen(port, "127.0.0.1")
	if problem == OK:
		print("listening")
	return problem


func connect_to(port):
	var root = X509Certificate.new()
	var problem = root.load(OS.get_environment("PEER_ROOT"))
	if problem != OK:
		return problem
	var udp = PacketPeerUDP.new()
	problem = udp.connect_to_host("127.0.0.1", port)
	if problem != OK:
		return problem
	peer = PacketPeerDTLS.new()
	# That it fails is seen from its status.
	peer.connect_to_peer(udp, true, OS.get_environment("PEER_HOST"), root)
	return OK


func _process(_delta):
	if OS.get_ticks_msec() > PATIENCE_MS:
		print("failed: nothing more comes")
		get_tree().quit(1)
	if peer == null:
		accept()
	else:
		serve()


# While the cookie goes round, each hello makes a peer that comes to nothing.
func accept():
	server.poll()
	if server.is_connection_available():
		var candidate = dtls_server.take_connection(server.take_connection())
		if candidate.get_status() == PacketPeerDTLS.STATUS_HANDSHAKING:
			peer = candidate
			last_status = PacketPeerDTLS.STATUS_HANDSHAKING


func serve():
	server.poll()
	peer.poll()
	while peer.get_status() == PacketPeerDTLS.STATUS_CONNECTED and peer.get_available_packet_count() > 0:
		say_status()
		echo(peer.get_packet())
	say_status()


func echo(packet):
	print(packet.get_string_from_ascii())
	if packet.get_string_from_ascii() == "goodbye":
		peer.disconnect_from_peer()
	else:
		peer.put_packet(packet)


# The first status but these two ends it.
func say_status():
	var status = peer.get_status()
	if status == last_status:
		return
	last_status = status
	print("status: ", STATUS_NAMES[status])
	if status != PacketPeerDTLS.STATUS_HANDSHAKING and status != PacketPeerDTLS.STATUS_CONNECTED:
		get_tree().quit()

# Registers a VIM and prints what becomes of it, or reports on one: see samples/README.md.
#
#   build/client register http://10.0.0.5:5000/v3
#   build/client report VIM_ID

require "securerandom"
require "google/protobuf/well_known_types"
require "grpc"
require "vimesh/v1/conductor_service_services_pb"
require "vimesh/v1/vim_service_services_pb"

CALL_LIMIT_S = 10
# The conductor or the connection failed: another attempt may find another conductor.
PASSING = [
  GRPC::Unavailable, GRPC::Internal, GRPC::Unknown, GRPC::Cancelled, GRPC::DeadlineExceeded, GRPC::ResourceExhausted
].freeze

# Pauses for longer each time.
class Backoff
  FIRST_S = 0.1
  LONGEST_S = 2.0

  def initialize
    reset
  end

  def reset
    @seconds = FIRST_S
  end

  def pause
    sleep @seconds
    @seconds = [@seconds * 2, LONGEST_S].min
  end
end

def stub(service)
  folder = ENV.fetch("VIMESH_CREDENTIALS", "")
  credentials = :this_channel_is_insecure
  unless folder.empty?
    files = %w[ca.crt tls.key tls.crt].map { |name| File.read(File.join(folder, name)) }
    credentials = GRPC::Core::ChannelCredentials.new(*files)
  end
  # A peer that vanishes silently is noticed within 30 s, even if only a watch is open.
  arguments = {
    "grpc.keepalive_time_ms" => 20_000, "grpc.keepalive_timeout_ms" => 10_000,
    "grpc.http2.max_pings_without_data" => 0, "grpc.max_reconnect_backoff_ms" => 2_000, "grpc.enable_http_proxy" => 0
  }
  service::Stub.new(ENV.fetch("VIMESH_ADDRESS", "127.0.0.1:7600"), credentials, channel_args: arguments)
end

def register(vims, auth_url)
  vim = Vimesh::V1::Vim.new(name: "sample-#{SecureRandom.uuid}", type: "openstack", auth_url: auth_url)
  # Repeating the call with the same request_id is answered with the same VIM.
  request = Vimesh::V1::RegisterVimRequest.new(vim: vim, engine: :EXTERNAL, request_id: SecureRandom.uuid)
  backoff = Backoff.new
  attempt = 0
  begin
    attempt += 1
    vims.register_vim(request, deadline: Time.now + CALL_LIMIT_S).vim
  rescue GRPC::Unavailable
    raise if attempt == 4

    backoff.pause
    retry
  end
end

# Prints every change from the one after the registration on, across disconnects, until the VIM is deregistered.
def follow(vims, vim)
  request = Vimesh::V1::WatchVimsRequest.new(vim_id: vim.id, start_revision: vim.revision + 1)
  backoff = Backoff.new
  loop do
    # Conductors end each stream after some minutes; then there is nothing wrong.
    vims.watch_vims(request).each do |response|
      backoff.reset
      response.events.each do |event|
        puts "#{event.revision} #{event.kind} #{event.status} #{event.reason}".rstrip
        return if event.kind == :DEREGISTERED
      end
      request.log_id = response.log_id unless response.log_id.empty?
      request.start_revision = response.revision + 1 if response.revision.positive?
    end
  rescue *PASSING => e
    warn "goes on after: #{e.details}"
    backoff.pause
  end
end

# Reports until the ping action is not wanted any more: nothing else may end it.
def report(conductor, vim_id)
  request = Vimesh::V1::UpdateVimRequest.new(
    vim_id: vim_id,
    action_id: vim_id, # of a VIM that was registered with the engine EXTERNAL
    status: :REACHABLE, # here the cloud would be asked
    # It grows with each new verdict, also across restarts of this program.
    observation: (Time.now.to_f * 1000).to_i
  )
  backoff = Backoff.new
  loop do
    response = conductor.update_vim(request, deadline: Time.now + CALL_LIMIT_S)
    backoff.reset
    return if response.outcome == :bad_action

    if response.newest_observation >= request.observation
      request.observation = response.newest_observation + 1
      next
    end
    # Half of the time is left for a report that has to be sent again.
    sleep response.contact_within.to_f / 2
  rescue *PASSING => e
    warn "reports again after: #{e.details}"
    backoff.pause
  end
end

command, argument = ARGV
unless ARGV.size == 2 && %w[register report].include?(command)
  warn "usage: client register AUTH_URL | report VIM_ID"
  exit 2
end
$stdout.sync = true
begin
  if command == "register"
    vims = stub(Vimesh::V1::VimService)
    vim = register(vims, argument)
    puts "#{vim.revision} REGISTERED #{vim.status} #{vim.id}"
    follow(vims, vim)
  else
    report(stub(Vimesh::V1::ConductorService), argument)
    puts "bad_action: not wanted any more"
  end
rescue GRPC::BadStatus => e
  warn e.message
  exit 1
end

// Registers a VIM and prints what becomes of it, or reports on one: see samples/README.md.
//
//   build/client register http://10.0.0.5:5000/v3
//   build/client report VIM_ID
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>

#include <grpcpp/grpcpp.h>

#include "vimesh/v1/conductor_service.grpc.pb.h"
#include "vimesh/v1/vim_service.grpc.pb.h"

using namespace std::chrono_literals;
namespace v1 = vimesh::v1;

namespace {

constexpr auto kCallLimit = 10s;
constexpr auto kLongestPause = 2000ms;

std::string Uuid() {
  std::string id;
  std::getline(std::ifstream("/proc/sys/kernel/random/uuid"), id);
  return id;
}

std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " cannot be read");
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::string Variable(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value && *value ? value : otherwise;
}

std::shared_ptr<grpc::Channel> OpenChannel() {
  grpc::ChannelArguments arguments;
  // A peer that vanishes silently is noticed within 30 s, even if only a watch is open.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000);
  auto credentials = grpc::InsecureChannelCredentials();
  if (const std::string folder = Variable("VIMESH_CREDENTIALS", ""); !folder.empty()) {
    credentials = grpc::SslCredentials(
        {Content(folder + "/ca.crt"), Content(folder + "/tls.key"), Content(folder + "/tls.crt")});
  }
  return grpc::CreateCustomChannel(Variable("VIMESH_ADDRESS", "127.0.0.1:7600"), credentials, arguments);
}

class Backoff {
 public:
  void Pause() {
    std::this_thread::sleep_for(pause_);
    pause_ = std::min(pause_ * 2, kLongestPause);
  }
  void Reset() { pause_ = 100ms; }

 private:
  std::chrono::milliseconds pause_ = 100ms;
};

// Whether the conductor or the connection failed: another attempt may find another conductor.
bool IsPassing(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return true;
    default:
      return false;
  }
}

std::runtime_error Refusal(const grpc::Status& status) {
  return std::runtime_error("code " + std::to_string(status.error_code()) + ": " + status.error_message());
}

v1::Vim RegisterVim(v1::VimService::Stub& vims, const std::string& auth_url) {
  v1::RegisterVimRequest request;
  request.mutable_vim()->set_name("sample-" + Uuid());
  request.mutable_vim()->set_type("openstack");
  request.mutable_vim()->set_auth_url(auth_url);
  request.set_engine(v1::Monitor::EXTERNAL);
  // Repeating the call with the same request_id is answered with the same VIM.
  request.set_request_id(Uuid());
  Backoff backoff;
  for (int attempt = 1;; ++attempt) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
    v1::RegisterVimResponse response;
    const grpc::Status status = vims.RegisterVim(&context, request, &response);
    if (status.ok()) return response.vim();
    if (status.error_code() != grpc::StatusCode::UNAVAILABLE || attempt == 4) throw Refusal(status);
    backoff.Pause();
  }
}

// Prints every change from the one after the registration on, across disconnects, until the VIM is deregistered.
void Follow(v1::VimService::Stub& vims, const v1::Vim& vim) {
  v1::WatchVimsRequest request;
  request.set_vim_id(vim.id());
  request.set_start_revision(vim.revision() + 1);
  Backoff backoff;
  while (true) {
    grpc::ClientContext context;
    auto stream = vims.WatchVims(&context, request);
    v1::WatchVimsResponse response;
    while (stream->Read(&response)) {
      backoff.Reset();
      for (const v1::VimEvent& event : response.events()) {
        std::cout << event.revision() << ' ' << v1::VimEvent::Kind_Name(event.kind()) << ' '
                  << v1::Vim::Status_Name(event.status()) << (event.reason().empty() ? "" : " ") << event.reason()
                  << std::endl;
        if (event.kind() == v1::VimEvent::DEREGISTERED) {
          context.TryCancel();
          stream->Finish();
          return;
        }
      }
      if (!response.log_id().empty()) request.set_log_id(response.log_id());
      if (response.revision()) request.set_start_revision(response.revision() + 1);
    }
    const grpc::Status status = stream->Finish();
    // Conductors end each stream after some minutes; then there is nothing wrong.
    if (status.ok()) continue;
    if (!IsPassing(status)) throw Refusal(status);
    std::cerr << "goes on after: " << status.error_message() << std::endl;
    backoff.Pause();
  }
}

// Reports until the ping action is not wanted any more: nothing else may end it.
void Report(v1::ConductorService::Stub& conductor, const std::string& vim_id) {
  v1::UpdateVimRequest request;
  request.set_vim_id(vim_id);
  request.set_action_id(vim_id);  // of a VIM that was registered with the engine EXTERNAL
  request.set_status(v1::Vim::REACHABLE);  // here the cloud would be asked
  // It grows with each new verdict, also across restarts of this program.
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  request.set_observation(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  Backoff backoff;
  while (true) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallLimit);
    v1::UpdateVimResponse response;
    const grpc::Status status = conductor.UpdateVim(&context, request, &response);
    if (!status.ok()) {
      if (!IsPassing(status)) throw Refusal(status);
      std::cerr << "reports again after: " << status.error_message() << std::endl;
      backoff.Pause();
      continue;
    }
    backoff.Reset();
    if (response.has_bad_action()) return;
    if (response.newest_observation() >= request.observation()) {
      request.set_observation(response.newest_observation() + 1);
      continue;
    }
    // Half of the time is left for a report that has to be sent again.
    const auto within = std::chrono::seconds(response.contact_within().seconds()) +
                        std::chrono::nanoseconds(response.contact_within().nanos());
    std::this_thread::sleep_for(within / 2);
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string command = count == 3 ? arguments[1] : "";
  if (command != "register" && command != "report") {
    std::cerr << "usage: client register AUTH_URL | report VIM_ID" << std::endl;
    return 2;
  }
  try {
    const auto channel = OpenChannel();
    if (command == "register") {
      v1::VimService::Stub vims(channel);
      const v1::Vim vim = RegisterVim(vims, arguments[2]);
      std::cout << vim.revision() << " REGISTERED " << v1::Vim::Status_Name(vim.status()) << ' ' << vim.id()
                << std::endl;
      Follow(vims, vim);
    } else {
      v1::ConductorService::Stub conductor(channel);
      Report(conductor, arguments[2]);
      std::cout << "bad_action: not wanted any more" << std::endl;
    }
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}

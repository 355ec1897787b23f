"""One login: what is sent to Keystone or Kubernetes, to the services of a catalogue, and what their answers mean."""

package service

import (
	"context"

	"github.com/wsgid/wsgid/supervisor"
	"github.com/wsgid/wsgid/supervisor/control"
	"github.com/wsgid/wsgid/supervisor/internal/sd"
)

// joinBus puts the site on the bus, as soon as there is one.
func (s *service) joinBus() {
	connect := control.SystemBus
	if sd.UnderUserManager() {
		connect = control.UserBus
	}
	s.bus.Store(control.Export(context.Background(), control.BusOptions{
		Site: s.Site, Version: s.Software, Verbs: s.verbs(),
		InFlight: s.app.InFlight, Connect: connect, Logger: s.log,
	}))
	s.showState(control.Running)
	s.showFigures()
}

// showState shows on the bus what the supervisor is doing.
func (s *service) showState(state control.State) {
	if bus := s.bus.Load(); bus != nil {
		bus.Update(func(p *control.Properties) { p.State = state })
	}
}

// state is what the supervisor is doing when nothing is being changed.
func (s *service) state() control.State {
	if s.app.Draining() {
		return control.Draining
	}
	return control.Running
}

// showFigures shows on the bus what the groups are at.
func (s *service) showFigures() {
	bus := s.bus.Load()
	if bus == nil {
		return
	}
	figures := s.app.Figures()
	bus.Update(func(p *control.Properties) {
		p.Generation, p.Processes, p.ProcessesReady = figures.Generation, figures.Processes, figures.Ready
	})
}

// tell passes on what happens to generations.
func (s *service) tell(e supervisor.Event, group string, generation int) {
	bus := s.bus.Load()
	if bus == nil {
		return
	}
	switch e {
	case supervisor.GenerationStarted:
		bus.GenerationStarted(group, generation)
	case supervisor.GenerationReady:
		bus.GenerationReady(group, generation)
	case supervisor.GenerationDrained:
		bus.GenerationDrained(group, generation)
	}
}
